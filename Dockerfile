# The lessons in a container, for the processor alone, as a user without rights.
# Untried: there was no Docker where this was written.
#
#   docker build -t activecl .
#   docker run --rm -p 127.0.0.1:8888:8888 -v "$PWD/work:/home/learner/work" activecl
#
# The lessons are copied into work, which is yours: what was edited there is never overwritten. The
# folder must be writable for the user with the number 1000.
#
# The processor's torch comes from the index of PyTorch; PyPI has the one with CUDA alone.
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 learner
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 ACTIVECL_HOME=/home/learner/.cache/activecl

COPY constraints.txt /tmp/
RUN pip install uv \
 && uv pip install --system --no-cache --torch-backend cpu -c /tmp/constraints.txt torch torchvision

COPY . /tmp/kit
RUN pip install -c /tmp/constraints.txt /tmp/kit && rm -rf /tmp/kit

USER learner
WORKDIR /home/learner
RUN mkdir work && python -m activecl_nb prepare
EXPOSE 8888
CMD ["sh", "-c", "python -m activecl_nb lessons work && exec jupyter lab --ip=0.0.0.0 --no-browser --ServerApp.root_dir=/home/learner/work"]
