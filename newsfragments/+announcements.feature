Tells clients whom to turn to (XEP-0157), where to look when the server is down (XEP-0455) and which limits a stream has (XEP-0478).
