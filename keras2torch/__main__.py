"""``python -m keras2torch``."""

from keras2torch.cli import main

if __name__ == "__main__":
    main()
