"""A single segment of a rollout: gates that judge its players alone, and holding it while the others go on.

``narrowed`` makes such a gate, ``guards`` says which of them guard now, ``answer`` what follows when one fails,
``kept`` and ``effect`` what holding makes of the state, ``commands`` what people may ask. All pure.
"""
