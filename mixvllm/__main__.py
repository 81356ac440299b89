"""``python -m mixvllm`` is the ``mixvllm`` command."""

from mixvllm.cli.main import main

if __name__ == "__main__":
    main()
