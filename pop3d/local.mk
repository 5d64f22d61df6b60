# pop3d
