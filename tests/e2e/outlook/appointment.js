// A new appointment in compose mode: its state, and what the host answers for each dispatch id (design/outlook.md 3.4).

import { Body, HostFailure } from "./body.js";

export const FAILURE = {
  token: 9018, accessToken: 13012, unsupported: 9020, recipients: 9012, duplicateKey: 9023, missingKey: 9024,
  notSaved: 9046, noSession: 9050,
};
const LOCATION_SEPARATOR = "; ";
const RECIPIENT_FIELDS = ["required", "optional"];
const RECIPIENT_LIMIT = 500;
const USER = 2;

const ALICE = { name: "Alice Example", address: "alice@example.test" };

// `user` is who has the window open, `organizer` whose appointment it is; `sharedProperties` are there in somebody else's
// calendar only (item.getSharedPropertiesAsync); `seriesId` is set on an occurrence.
const DEFAULTS = {
  subject: "", location: "", rooms: [], body: {}, required: [], optional: [], customProperties: {}, identityToken: null,
  accessToken: null, start: Date.UTC(2027, 0, 11, 9), end: Date.UTC(2027, 0, 11, 10), recurrence: null, seriesId: null,
  itemId: null, allDay: false, user: ALICE, organizer: ALICE, sharedProperties: null, sensitivity: "normal",
};

export class Appointment {
  constructor(initial = {}) {
    Object.assign(this, structuredClone({ ...DEFAULTS, ...initial }));
    this.body = new Body(initial.body);
    this.notifications = new Map();
    this.session = new Map();
    this.closed = false;
    this.paneClosed = false;
    this.answers = this.table();
  }

  // What Python reads back; plain values only.
  snapshot() {
    const { answers, notifications, session, body, ...rest } = this;
    return {
      ...rest, body: body.content, bodyType: body.type, bodyText: body.get(0),
      notifications: Object.fromEntries(notifications), session: Object.fromEntries(session),
    };
  }

  table() {
    return {
      ...this.contentAnswers(), ...this.peopleAnswers(), ...this.placeAnswers(), ...this.timeAnswers(),
      ...this.propertyAnswers(), ...this.noticeAnswers(), ...this.sessionAnswers(),
    };
  }

  contentAnswers() {
    return {
      13: ({ data, coercionType }) => this.body.prepend(data, coercionType),
      14: () => this.body.type,
      17: ({ subject }) => void (this.subject = subject),
      18: () => this.subject,
      23: ({ data, coercionType }) => this.body.prepend(data, coercionType),
      28: () => ({ data: "", sourceProperty: "body" }),
      29: ({ data, coercionType }) => this.body.prepend(data, coercionType),
      37: ({ coercionType }) => this.body.get(coercionType),
      38: ({ data, coercionType }) => this.body.set(data, coercionType),
    };
  }

  peopleAnswers() {
    return {
      15: ({ recipientField }) => this.people(recipientField).map(asAttendee),
      21: ({ recipientField, recipientArray }) => this.invite(recipientField, recipientArray, []),
      22: ({ recipientField, recipientArray }) => this.invite(recipientField, recipientArray, this.people(recipientField)),
      107: () => this.organizer,
      108: () => this.sharedProperties,
    };
  }

  people(field) {
    return this[RECIPIENT_FIELDS[field]];
  }

  invite(field, added, present) {
    const people = [...present, ...added];
    if (people.length > RECIPIENT_LIMIT) throw new HostFailure(FAILURE.recipients, "too many recipients");
    this[RECIPIENT_FIELDS[field]] = people;
  }

  placeAnswers() {
    return {
      26: () => this.location,
      27: ({ location }) => this.place(location),
      154: () => this.places(),
      155: ({ enhancedLocations }) => this.addPlaces(enhancedLocations),
      156: ({ enhancedLocations }) => this.removePlaces(enhancedLocations),
    };
  }

  // A room stays a room while its name still stands in the text; the rest comes back as custom places.
  place(location) {
    this.location = location;
    this.rooms = this.rooms.filter((room) => parts(location).includes(room.name));
  }

  places() {
    return parts(this.location).map((name) => {
      const room = this.rooms.find((candidate) => candidate.name === name);
      const locationIdentifier = room ? { id: room.address, type: "room" } : { id: name, type: "custom" };
      return { locationIdentifier, displayName: name, emailAddress: room?.address ?? "" };
    });
  }

  addPlaces(added) {
    for (const { id, type } of added) {
      if (type === "room") this.rooms.push({ name: id, address: id });
      this.location = [...parts(this.location), id].join(LOCATION_SEPARATOR);
    }
  }

  removePlaces(removed) {
    const gone = new Set(removed.map(({ id }) => id));
    const names = new Set(this.rooms.filter((room) => gone.has(room.address)).map((room) => room.name));
    this.place(parts(this.location).filter((name) => !gone.has(name) && !names.has(name)).join(LOCATION_SEPARATOR));
  }

  timeAnswers() {
    const which = (property) => (property === 1 ? "start" : "end");
    return {
      24: ({ TimeProperty }) => this[which(TimeProperty)],
      25: ({ TimeProperty, time }) => void (this[which(TimeProperty)] = time),
      103: () => this.recurrence,
      104: ({ recurrenceData }) => void (this.recurrence = recurrenceData ?? null),
      169: () => this.allDay,
      170: ({ isAllDayEvent }) => void (this.allDay = isAllDayEvent),
      171: () => this.sensitivity,
      172: ({ sensitivity }) => void (this.sensitivity = sensitivity),
    };
  }

  propertyAnswers() {
    return {
      2: () => this.token(),
      3: () => ({ raw: { customProperties: JSON.stringify(this.customProperties) } }),
      4: ({ customProperties }) => void (this.customProperties = { ...customProperties }),
      12: () => this.token(),
      32: () => (this.itemId ??= "AAMkAGExample="),
      41: () => void (this.closed = true),
      42: () => void (this.paneClosed = true),
      99: () => "",
      149: () => [],
      157: () => [],
      164: () => {
        if (!this.itemId) throw new HostFailure(FAILURE.notSaved, "not saved");
        return this.itemId;
      },
    };
  }

  token() {
    if (!this.identityToken) throw new HostFailure(FAILURE.token, "tokens are switched off");
    return { raw: { token: this.identityToken } };
  }

  noticeAnswers() {
    const known = (key) => {
      if (!this.notifications.has(key)) throw new HostFailure(FAILURE.missingKey, "no such notification");
    };
    return {
      33: (notice) => {
        if (this.notifications.has(notice.key)) throw new HostFailure(FAILURE.duplicateKey, "key in use");
        this.notifications.set(notice.key, notice);
      },
      34: () => [...this.notifications.values()],
      35: (notice) => void this.notifications.set(notice.key, notice), // adds what is not there (Microsoft Learn, replaceAsync)
      36: ({ key }) => (known(key), void this.notifications.delete(key)),
    };
  }

  sessionAnswers() {
    return {
      185: ({ name, value }) => void this.session.set(name, value),
      186: ({ name }) => {
        if (!this.session.has(name)) throw new HostFailure(FAILURE.noSession, "no such key");
        return this.session.get(name);
      },
      187: () => Object.fromEntries(this.session),
      188: () => this.session.clear(),
      189: ({ name }) => void this.session.delete(name),
    };
  }
}

function parts(location) {
  return location.split(";").map((part) => part.trim()).filter(Boolean);
}

function asAttendee({ name, address, recipientType = USER }) {
  return { name, address, appointmentResponse: 0, recipientType };
}
