"""The HTTP API under ``/api/v1``: one module per noun.

``models`` has what is said and taken, ``views`` how it follows from state.
"""
