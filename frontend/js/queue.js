/**
 * The queue as this page knows it. The server sends changes, each with a number; a page that misses one reads the whole.
 * Pure.
 *
 * @typedef {{id: string, entryId: number, title: string, artist: string}} QueuedTrack
 * @typedef {{tracks: readonly QueuedTrack[], revision: number, latest: number}} Queue
 *   `revision` is the number of changes in `tracks`; `latest` that of the latest event.
 */

/** @returns {Queue} */
const queue = (tracks, revision, latest) => Object.freeze({ tracks: Object.freeze(tracks), revision, latest });

export const emptyQueue = queue([], 0, 0);

/** Return the queue in a state that the server sent, unless that is older than the one known. */
export function queueOf(sent, known = emptyQueue) {
  const revision = sent.queueRevision ?? 0;
  if (revision < known.revision) return known;
  return queue(sent.queue ?? [], revision, Math.max(revision, known.latest));
}

/** Return the queue after a `queue_changed`, or as it was but behind if it can't be followed. */
export function followed(known, event) {
  if (event.revision <= known.revision) return known; // It is in the state that was read since.
  const tracks = event.revision === known.revision + 1 ? changed(known.tracks, event) : null;
  const fits = tracks !== null && tracks.length === event.length;
  return fits ? queue(tracks, event.revision, event.revision) : queue(known.tracks, known.revision, event.revision);
}

/** Return true if changes are missing, so that the whole queue has to be read. */
export const isBehind = (known) => known.latest > known.revision;

function changed(tracks, { change, position, fromPosition, entryId, trackId, title, artist }) {
  switch (change) {
    case "added":
      return [...tracks.slice(0, position), { id: trackId, entryId, title, artist }, ...tracks.slice(position)];
    case "moved": {
      if (tracks[fromPosition]?.id !== trackId) return null;
      const rest = tracks.filter((_, i) => i !== fromPosition);
      return [...rest.slice(0, position), tracks[fromPosition], ...rest.slice(position)];
    }
    case "removed":
      return tracks[position]?.id === trackId ? tracks.filter((_, i) => i !== position) : null;
    default:
      return null;
  }
}
