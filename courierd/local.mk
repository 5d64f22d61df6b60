# courierd
