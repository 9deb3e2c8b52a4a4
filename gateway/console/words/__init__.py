"""What each page says beyond the words that all share: key -> (English, Chinese)."""
