"""What several tests use: reports, real servers, fault injection."""
