"""Leads: the first part of an incoming track, rendered ahead so that its beats fall on the outgoing one's."""
