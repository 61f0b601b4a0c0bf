"""What is behind the actor: the plate, how the camera moved before it, and mattes against it."""
