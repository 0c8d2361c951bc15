"""What the night finds, one module a topic: pure readings of the past that become rows of Found and ReportCard."""
