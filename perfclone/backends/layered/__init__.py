"""The layered backend: limb-local textures, a small U-Net, and a matte over one still plate."""
