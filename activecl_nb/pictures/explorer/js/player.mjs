// Plays the rounds, one after the other.

const STEP_MS = 900; // a round

export class Player {
  constructor(app) {
    this.app = app;
    this.timer = null;
  }

  toggle() {
    const { app } = this;
    const last = () => app.round === app.runs.rounds - 1;
    if (this.timer) this.stop();
    else {
      if (last()) app.go(0);
      this.timer = setInterval(() => {
        app.go(app.round + 1);
        if (last()) this.stop();
      }, STEP_MS);
      app.toolbar.playing(true);
    }
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.app.toolbar.playing(false);
  }
}
