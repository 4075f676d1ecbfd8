"""How much of real packages the scan finds, beside other detectors; see README.md."""
