A message that has waited for another server says since when (XEP-0203), so that it is shown with the time at which it was written.
