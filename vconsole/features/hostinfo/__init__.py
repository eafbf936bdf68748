"""What a host tells its guests over a serial port: rules, protocol, daemon and guest tool."""
