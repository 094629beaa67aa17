int cmartlet_x;
