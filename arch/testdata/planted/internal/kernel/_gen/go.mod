module lathe/internal/kernel/_gen
