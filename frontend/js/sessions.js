/**
 * The sessions people can go to, as far as a page knows them. Pure.
 *
 * @typedef {{sessionId: string, type: "master" | "named" | "follower", name: string, webrtcListeners: number,
 *            oggListeners: number, followers: number, followingSession: string | null, locked: boolean,
 *            nowPlaying: {track: {title: string, artist: string}} | null}} Summary
 */

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const initialLobby = Object.freeze({
  open: false,
  sessions: /** @type {readonly Summary[] | null} */ (null),
  failed: false,
  creating: false,
  problem: "",
  created: /** @type {{sessionId: string, controlKey: string} | null} */ (null),
});

/** What people can go to: the master first, then by name. Followers count for the one they follow. */
export function rooms(sessions) {
  const hearing = ({ webrtcListeners = 0, oggListeners = 0 }) => webrtcListeners + oggListeners;
  const leaders = sessions.filter(({ type }) => type !== "follower");
  leaders.sort((a, b) => (b.type === "master") - (a.type === "master") || (a.sessionId < b.sessionId ? -1 : 1));
  return leaders.map((leader) => {
    const along = sessions.filter(({ followingSession }) => followingSession === leader.sessionId);
    return {
      id: leader.sessionId,
      locked: leader.locked ?? false,
      track: leader.nowPlaying?.track ?? null,
      listeners: along.reduce((sum, follower) => sum + hearing(follower), hearing(leader)),
      followers: leader.followers ?? along.length,
    };
  });
}

/** What people type, nearer to a name: a space becomes a hyphen, a capital a small letter. */
export const tidied = (text) => text.toLowerCase().replace(/\s/g, "-");

/** What is wrong with a name for a session; empty if nothing is. */
export function nameProblem(name) {
  if (name === "") return "A session needs a name.";
  if (NAME.test(name)) return "";
  if (name.length > 63) return "A name has at most 63 characters.";
  if (/^-/.test(name)) return "A name begins with a letter or a digit.";
  return "A name holds only the letters a to z, digits and hyphens.";
}
