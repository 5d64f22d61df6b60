# esmtpd
