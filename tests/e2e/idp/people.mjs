// The people who can sign in at the played providers. Passwords are all "secret".

export const TENANT = "11111111-2222-4333-8444-555555555555";

// `id` is the subject that never changes; two people may carry the same address (a recycled one).
const PEOPLE = [
  { login: "alice", id: "a11ce000-0000-4000-8000-000000000001", name: "Alice Example", address: "alice@example.test" },
  { login: "bob", id: "b0b00000-0000-4000-8000-000000000002", name: "Bob Example", address: "bob@example.test" },
  { login: "carol", id: "ca401000-0000-4000-8000-000000000003", name: "Carol Example", address: "carol@example.test" },
  { login: "dave", id: "da4e0000-0000-4000-8000-000000000004", name: "Dave Example", address: "dave@example.test" },
  { login: "erin", id: "e4140000-0000-4000-8000-000000000006", name: "Erin Example", address: "erin@example.test" },
  { login: "mallory", id: "3a110400-0000-4000-8000-000000000005", name: "Alice Example", address: "alice@example.test" },
];
const PASSWORD = "secret";

export function withLogin(login) {
  return PEOPLE.find((person) => person.login === login);
}

export function withPassword(login, password) {
  return password === PASSWORD ? withLogin(login) : undefined;
}

export function withId(id) {
  return PEOPLE.find((person) => person.id === id);
}
