"""What a service printed: of containers, compose services, systemd units and log files."""
