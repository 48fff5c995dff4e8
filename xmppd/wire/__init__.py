"""Bytes to XML and back: the streaming parser, the element tree, the serializer."""
