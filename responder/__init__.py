"""responder: takes Alertmanager's webhooks, opens incidents, and does not stop until somebody has answered."""
