"""`firstline connect`: what the tracker has, and how it fits what we mean."""
