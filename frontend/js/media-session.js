/** Connects the lock screen, headset buttons and media keys. */

/** @param {{listen: () => void, stop: () => void, next: () => void, previous: () => void}} actions */
export function mountMediaSession(actions) {
  const session = navigator.mediaSession;
  if (!session) return { update() {} };
  const handle = (handlers) => {
    for (const [name, handler] of Object.entries(handlers)) {
      try {
        session.setActionHandler(name, handler);
      } catch {
        // This browser doesn't support the action.
      }
    }
  };
  handle({ play: actions.listen, pause: actions.stop, stop: actions.stop });
  let shown = { track: null, artwork: "", maySteer: false };
  return {
    /** @param {{track: object | null, artwork: string, active: boolean, maySteer: boolean}} now */
    update({ track, artwork, active, maySteer }) {
      session.playbackState = active ? "playing" : "none";
      if (maySteer !== shown.maySteer) {
        handle({ nexttrack: maySteer ? actions.next : null, previoustrack: maySteer ? actions.previous : null });
      }
      const same = track?.id === shown.track?.id && artwork === shown.artwork;
      shown = { track, artwork, maySteer };
      if (same) return;
      session.metadata = track && new MediaMetadata({
        title: track.title,
        artist: track.artist,
        album: track.album,
        artwork: artwork ? [{ src: artwork }] : [],
      });
    },
  };
}
