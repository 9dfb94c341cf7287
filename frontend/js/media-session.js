/** The lock screen, the headset's buttons and the media keys. */

/** @param {{listen: () => void, stop: () => void, next: () => void}} actions */
export function mountMediaSession(actions) {
  const session = navigator.mediaSession;
  if (!session) return { update() {} };
  const handlers = { play: actions.listen, pause: actions.stop, stop: actions.stop, nexttrack: actions.next };
  for (const [name, handler] of Object.entries(handlers)) {
    try {
      session.setActionHandler(name, handler);
    } catch {
      // This browser doesn't know the action.
    }
  }
  let shown = { track: null, artwork: "" };
  return {
    /** @param {{track: object | null, artwork: string, active: boolean}} now */
    update({ track, artwork, active }) {
      session.playbackState = active ? "playing" : "none";
      if (track?.id === shown.track?.id && artwork === shown.artwork) return;
      shown = { track, artwork };
      session.metadata = track && new MediaMetadata({
        title: track.title,
        artist: track.artist,
        album: track.album,
        artwork: artwork ? [{ src: artwork }] : [],
      });
    },
  };
}
