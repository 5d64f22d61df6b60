# man: pages of the programs whose rooms do not list their own.
dist_man_MANS += man/courier.8 man/courierd.8 man/courierlogin.8
