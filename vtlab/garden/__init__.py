"""The garden: drawn plants, signs and textures whose classes and outlines are known; nothing is downloaded."""
