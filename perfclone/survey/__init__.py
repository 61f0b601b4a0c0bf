"""A first look at a video: who is in it, does the camera stand still, can an actor be made of it?"""
