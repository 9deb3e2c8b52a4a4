"""What each detector does, beyond the contract that all of them keep."""
