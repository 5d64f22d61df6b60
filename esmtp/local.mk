# esmtp
