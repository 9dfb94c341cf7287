/**
 * The list of sessions that a user can join. Pure: no DOM, no requests.
 *
 * @typedef {{sessionId: string, type: "master" | "named" | "follower", name: string, webrtcListeners: number,
 *            oggListeners: number, encodedListeners: number, followers: number, followingSession: string | null, locked: boolean,
 *            nowPlaying: {track: {title: string, artist: string}} | null}} Summary
 */

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const initialSessionList = Object.freeze({
  open: false,
  sessions: /** @type {readonly Summary[] | null} */ (null),
  failed: false,
  creating: false,
  problem: "",
  created: /** @type {{sessionId: string, controlKey: string} | null} */ (null),
});

/** List the sessions that a user can join: the master first, then by name. Listeners of followers count for their leader. */
export function joinableSessions(sessions) {
  const listenersOf = ({ webrtcListeners = 0, oggListeners = 0, encodedListeners = 0 }) =>
    webrtcListeners + oggListeners + encodedListeners;
  const leaders = sessions.filter(({ type }) => type !== "follower");
  leaders.sort((a, b) => (b.type === "master") - (a.type === "master") || (a.sessionId < b.sessionId ? -1 : 1));
  return leaders.map((leader) => {
    const followers = sessions.filter(({ followingSession }) => followingSession === leader.sessionId);
    return {
      id: leader.sessionId,
      locked: leader.locked ?? false,
      track: leader.nowPlaying?.track ?? null,
      listeners: followers.reduce((sum, follower) => sum + listenersOf(follower), listenersOf(leader)),
      followers: leader.followers ?? followers.length,
    };
  });
}

/** Correct a typed name: spaces become hyphens, capitals become small letters. */
export const tidied = (text) => text.toLowerCase().replace(/\s/g, "-");

/** Check the name of a new session. Return the problem, or an empty string. */
export function nameProblem(name) {
  if (name === "") return "Enter a name.";
  if (NAME.test(name)) return "";
  if (name.length > 63) return "Use at most 63 characters.";
  if (/^-/.test(name)) return "Start the name with a letter or a digit.";
  return "Use only the letters a to z, digits and hyphens.";
}
