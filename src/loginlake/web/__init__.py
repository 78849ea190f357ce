"""web: a person signs in; the token is verified; the event is made durable."""
