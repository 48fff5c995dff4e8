What another server still sends while we close an idle stream of its arrives, and is not lost.
