/**
 * The equipment mailbox among the attendees: invited once, taken off again, and nobody else touched. Every step can be
 * repeated, and tells how it is taken back.
 */

/** The most people that one call may set (design/outlook.md 3.6). */
export const MOST = 100;

/** @param {string} one @param {string} other */
export function sameAddress(one, other) {
  return (one || "").trim().toLowerCase() === (other || "").trim().toLowerCase();
}

/**
 * @param {ReturnType<typeof import("./host.js").appointmentOf>} host  its location has been read before
 */
export function createAttendees(host) {
  const roomsOf = (address) => host.rooms().filter((room) => sameAddress(room.emailAddress, address));
  const among = (people, address) => people.some((person) => sameAddress(person.emailAddress, address));

  /** Invite the mailbox unless it is invited already, as whatever kind of attendee. */
  async function invite({ address, name }, undoing) {
    if (roomsOf(address).length) return;
    if (among(await host.attendees("required"), address) || among(await host.attendees("optional"), address)) return;
    undoing.push(() => dismiss(address, []));
    await host.invite({ displayName: name || address, emailAddress: address });
  }

  /** Take the mailbox off. @returns {Promise<boolean>}  false: only the person can do that */
  async function dismiss(address, undoing) {
    const asRoom = roomsOf(address);
    if (asRoom.length) await host.removeRooms(asRoom);
    for (const field of ["required", "optional"]) {
      const people = await host.attendees(field);
      if (!among(people, address)) continue;
      const others = people.filter((person) => !sameAddress(person.emailAddress, address));
      if (others.length > MOST || others.some((person) => !person.emailAddress)) return false;
      undoing.push(() => invite({ address }, []));
      await host.setAttendees(field, others.map(({ displayName, emailAddress }) => ({ displayName, emailAddress })));
      break;
    }
    return true;
  }

  /**
   * Let one mailbox go and another come, either of which may be none.
   * @param {{from: string, to: {address: string, name?: string}|null, undoing: (() => Promise<any>)[]}} change
   * @returns {Promise<boolean>}  false: the one that goes could not be taken off without losing somebody else
   */
  async function exchange({ from, to, undoing }) {
    const gone = !from || (to && sameAddress(from, to.address)) || (await dismiss(from, undoing));
    if (to) await invite(to, undoing);
    return Boolean(gone);
  }

  return { exchange };
}
