"""The portable fingerprint: what of a machine can be carried to another one, as one small file without secrets."""
