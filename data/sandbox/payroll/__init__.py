"""The sandbox's client system: what each client's payroll software would answer."""
