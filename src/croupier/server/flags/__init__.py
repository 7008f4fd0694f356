"""What applications ask of the control plane to know their flags: the snapshot, the stream, the acknowledgement.

Plain ASGI, since ten thousand of them listen at the same time. Put together by ``door``; people manage flags by the
``api``.
"""
