"""The tracker's side of the product: REST client, wire formats, signed webhook events."""
