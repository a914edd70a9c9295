"""How results look to people. Rendering decides nothing: it is given what happened and returns lines."""
