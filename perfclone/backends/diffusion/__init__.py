"""The diffusion backend: a pretrained image model, told by a LoRA who the actor is, refines what `layered` paints."""
