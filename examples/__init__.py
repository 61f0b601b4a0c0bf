"""The clips and actors that come with the project, and the script that makes the clips."""
