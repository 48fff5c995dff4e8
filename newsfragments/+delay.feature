Nobody else can make it look as if this server had delayed a message or presence: such stamps are removed, also without ``offline`` (``delay``).
