// Outlook on the web as the real office.js sees it: start parameters, message envelope, call log, faults
// (design/outlook.md 3). Driven from Python through `window.outlook`; see outlook_host.py.

import { Appointment, FAILURE } from "./appointment.js";
import { HostFailure } from "./body.js";

const REQUEST = 0;
const RESPONSE = 1;
const ACTION = { invoke: 0, register: 1, unregister: 2 };
const COMMAND_EVENT = 39;
const COMMAND_COMPLETED = 94;
const ACCESS_TOKEN = 98;
const CONVERSATION = "addin-host-tests";
const INSTANCE = "22f2d4ab-0001-4c11-9e5e-6c0c5b1c2f10";
const SANDBOX = "allow-scripts allow-forms allow-same-origin allow-popups allow-popups-to-escape-sandbox";
const REQUIREMENTS = { Mailbox: 1.15, DialogApi: 1.2, IdentityAPI: 1.3 };

class Outlook {
  open(url, { appointment = {}, initialData = {}, requirements = REQUIREMENTS, locale = "en-US", width = 360, appDomains = [],
    addinName = "Video meetings", telemetry = true, failures = {} } = {}) {
    Object.assign(this, { locale, telemetry, initialData, requirements, addinName, appDomains, origin: new URL(url).origin });
    this.appointment = new Appointment(appointment);
    this.calls = [];
    this.failures = new Map();
    for (const [dispatch, code] of Object.entries(failures)) this.fail(Number(dispatch), code);
    this.withheld = new Set();
    this.registered = new Map();
    this.pressed = 0;
    this.frame?.remove();
    this.frame = this.paneFrame(url, width);
    document.body.append(this.frame);
  }

  paneFrame(url, width) {
    const frame = document.createElement("iframe");
    frame.title = "Task pane";
    frame.setAttribute("sandbox", SANDBOX);
    frame.style.width = `${width}px`;
    const logging = this.telemetry ? "" : "disableLogging";
    const hostInfo = `Outlook$Web$16.01$${this.locale}$${crypto.randomUUID()}$$${logging}$0`;
    const xdmInfo = `${CONVERSATION}|${INSTANCE}|${location.origin}`;
    frame.name = JSON.stringify({ baseFrameName: "pane", hostInfo, xdmInfo, serializerVersion: 1, flights: "[]" });
    const address = new URL(url);
    const query = `${address.search ? `${address.search}&` : "?"}_host_Info=${encodeURIComponent(hostInfo)}`;
    // _xdm_Info stands last and as it is: office.js takes the rest of the hash.
    frame.src = `${address.origin}${address.pathname}${query}#&_serializer_version=1&_xdm_Info=${xdmInfo}`;
    return frame;
  }

  receive(event) {
    if (event.origin !== this.origin || event.source !== this.frame?.contentWindow) return;
    const message = parsed(event.data);
    if (message?._messageType === REQUEST) this.handle(message);
  }

  handle(message) {
    const dispatch = dispatchOf(message);
    const call = {
      seq: this.calls.length, at: performance.now(), action: message._actionName, kind: message._actionType, dispatch,
      params: message._data?.ApiParams ?? message._data ?? null, outcome: "answered",
    };
    this.calls.push(call);
    if (message._actionType === ACTION.register) this.registered.set(message._data?.eventDispId, message);
    if (this.withheld.has(dispatch)) {
      call.outcome = "withheld";
      return;
    }
    this.reply(message, this.answer(message, dispatch, call));
  }

  answer(message, dispatch, call) {
    if (message._actionType !== ACTION.invoke) return { Error: 0 };
    switch (message._actionName) {
      case "ContextActivationManager_getAppContextAsync": return this.appContext();
      case "ContextActivationManager_notifyHost": return null;
      case "GetInitialData": return this.dataAtStart();
      case "ExecuteMethod": return this.execute(message._data.ApiParams ?? {}, dispatch, call);
      case "executeMethod": return { Version: 1, ...(dispatch === ACCESS_TOKEN ? this.accessToken(call) : { Error: 0 }) };
      default:
        call.outcome = "unknown";
        return null;
    }
  }

  // Office.auth.getAccessToken: goes the way of commands, not of mailbox calls, and has error codes of its own (13xxx).
  accessToken(call) {
    const failure = this.takeFailure(ACCESS_TOKEN);
    const { accessToken } = this.appointment;
    if (!failure && accessToken) return { Error: 0, accessToken };
    const code = failure?.code ?? FAILURE.accessToken;
    call.outcome = `failed ${code}`;
    return { Error: code };
  }

  // Never null: office.js would not call the add-in back (3.3).
  execute(params, dispatch, call) {
    try {
      this.failAsAsked(dispatch);
      const work = this.appointment.answers[dispatch];
      if (!work) throw new HostFailure(FAILURE.unsupported, "no such dispatch id");
      const data = work(params) ?? null;
      return { wasSuccessful: true, error: false, ...(data?.raw ?? { data }) };
    } catch (failure) {
      if (!(failure instanceof HostFailure)) throw failure;
      const known = dispatch in this.appointment.answers;
      call.outcome = known ? `failed ${failure.code}` : "unknown";
      return { wasSuccessful: false, error: true, errorCode: failure.code, errorMessage: failure.message };
    }
  }

  failAsAsked(dispatch) {
    const failure = this.takeFailure(dispatch);
    if (failure) throw new HostFailure(failure.code, "as the test asked");
  }

  takeFailure(dispatch) {
    const failure = this.failures.get(dispatch);
    if (!failure) return null;
    failure.times -= 1;
    if (failure.times === 0) this.failures.delete(dispatch);
    return failure;
  }

  reply(message, data, responseType = 0) {
    const answer = {
      _messageType: RESPONSE, _actionName: message._actionName, _conversationId: message._conversationId,
      _correlationId: message._correlationId, _origin: location.href, _errorCode: 0, _responseType: responseType,
      _serializerVersion: 1, _data: data,
    };
    this.frame.contentWindow.postMessage(JSON.stringify(answer), this.origin);
  }

  // A press of a ribbon button without a pane: runs the add-in's function `name`. An event of the appointment, such as
  // Send, comes the same way in Outlook on the web: `event` is what the function is told about it.
  command(name, controlId = "button", event = { source: { id: controlId } }) {
    const registration = this.registered.get(COMMAND_EVENT);
    if (!registration) throw new Error("the add-in has not asked for commands yet");
    this.pressed = this.calls.length;
    this.reply(registration, [controlId, name, JSON.stringify(event)], 1);
  }

  // Of the last command only.
  commandDone() {
    return this.calls.slice(this.pressed).find((call) => call.dispatch === COMMAND_COMPLETED) ?? null;
  }

  // Another appointment, for an add-in that is asked by commands and keeps nothing of the one before.
  next(appointment) {
    this.appointment = new Appointment(appointment);
  }

  fail(dispatch, code, times = Infinity) {
    this.failures.set(dispatch, { code, times });
  }

  appContext() {
    return {
      _id: INSTANCE, _appName: 64, _appVersion: "16.01", _appUILocale: this.locale, _dataLocale: this.locale, _docUrl: location.href,
      _clientMode: 0, _settings: {}, _reason: 1, _osfControlType: 1, _eToken: "", _correlationId: crypto.randomUUID(),
      _appInstanceId: INSTANCE, _hostFullVersion: "16.0.20000.10000", _hostCustomMessage: null,
      _requirementMatrix: JSON.stringify(this.requirements), _dialogRequirementMatrix: "{}", _addinName: this.addinName,
      _appDomains: this.appDomains, _initialDisplayMode: 0,
    };
  }

  dataAtStart() {
    const { user } = this.appointment;
    return {
      permissionLevel: 2, itemType: 5, hostVersion: "16.0.20000.10000", owaView: "OneColumn", userDisplayName: user.name,
      userEmailAddress: user.address, userProfileType: "office365", userTimeZone: "UTC",
      timeZoneOffsets: [{ start: Date.UTC(2000), end: Date.UTC(2100), offset: 0 }], id: null, conversationId: null,
      isRestIdSupported: false, isFromSharedFolder: Boolean(this.appointment.sharedProperties), supportsSharedProperties: true,
      ewsUrl: null, restUrl: null, seriesId: this.appointment.seriesId,
      ...this.initialData,
    };
  }
}

function dispatchOf(message) {
  const data = message._data ?? {};
  return (data.MethodData ?? data.DdaMethod)?.DispatchId ?? null;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (notOurs) {
    if (notOurs instanceof SyntaxError) return null;
    throw notOurs;
  }
}

window.outlook = new Outlook();
window.addEventListener("message", (event) => window.outlook.receive(event));
