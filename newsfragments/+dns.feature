``xmppdctl check`` says where the DNS sends other servers, too, and whether the hosts it names have addresses that can be reached from elsewhere.
