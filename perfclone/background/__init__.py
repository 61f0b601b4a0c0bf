"""What is behind the actor: the plate, and the camera that must stand still for it."""
