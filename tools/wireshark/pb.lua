-- SPDX-License-Identifier: MIT
-- A dissector of Perspective Broker for Wireshark and tshark. Copy the files of this
-- folder to the folder of Lua plugins (Help > About > Folders), or load this one by the
-- option -X lua_script:pb.lua. pb_banana.lua decodes bytes to nodes. A function below
-- shows each kind of message; pb_jelly.lua formats the values in it.

local here = debug.getinfo(1, "S").source:match("^@(.-)[^/\\]*$")
local banana = dofile(here .. "pb_banana.lua")
local jelly = dofile(here .. "pb_jelly.lua")
local escape, one_line, text_of = jelly.escape, jelly.one_line, jelly.text_of

local ITEMS = 2000 -- lines in the tree of a message
local LEVELS = 40 -- levels of the tree

local pb = Proto("pb", "Perspective Broker")

local F = {
    dialects = ProtoField.string("pb.dialects", "Dialect offered"),
    dialect = ProtoField.string("pb.dialect", "Dialect chosen"),
    message = ProtoField.string("pb.message", "Message"),
    version = ProtoField.uint64("pb.version", "Version"),
    request = ProtoField.uint64("pb.request", "Request"),
    object = ProtoField.string("pb.object", "Object"),
    method = ProtoField.string("pb.method", "Method"),
    wanted = ProtoField.bool("pb.answer_wanted", "Answer wanted"),
    args = ProtoField.string("pb.args", "Arguments"),
    kwargs = ProtoField.string("pb.kwargs", "Keywords"),
    answer = ProtoField.string("pb.answer", "Answer"),
    failure = ProtoField.string("pb.failure", "Failure"),
    error = ProtoField.string("pb.error", "Error"),
    error_value = ProtoField.string("pb.error.value", "Error's text"),
    command = ProtoField.string("pb.command", "Command"),
    jelly = ProtoField.string("pb.jelly", "Value"),
    request_in = ProtoField.framenum("pb.request_in", "Call in frame", base.NONE,
        frametype.REQUEST),
    response_in = ProtoField.framenum("pb.response_in", "Answer in frame", base.NONE,
        frametype.RESPONSE),
    time = ProtoField.relative_time("pb.time", "Time from the call"),
}
for _, field in pairs(F) do
    table.insert(pb.fields, field)
end

local E = {
    damaged = ProtoExpert.new("pb.damaged", "The stream is damaged",
        expert.group.MALFORMED, expert.severity.ERROR),
    unexpected = ProtoExpert.new("pb.unexpected", "Unexpected", expert.group.PROTOCOL,
        expert.severity.WARN),
}
pb.experts = { E.damaged, E.unexpected }

pb.prefs.ports = Pref.range("TCP ports", "8787", "Ports of PB servers; on other ports, "
    .. "the protocol is recognised by the dialects that a server offers first", 65535)
pb.prefs.size = Pref.uint("Largest message", 16 * 1024 * 1024,
    "In bytes; also the largest number of elements in a list")
pb.prefs.prefix = Pref.uint("Longest number", 64,
    "In digits in base 128, as Twisted's limit")

local stream_of = Field.new("tcp.stream")
-- By number: the dialect, the calls of each side, incomplete messages, and damage.
local streams = {}

-- Messages ------------------------------------------------------------------------------

-- The state of the dissection, m: m.tvb, m.base (the offset of the message in it),
-- m.tree, m.pinfo, m.stream, m.side and m.peer; and m.items, the number of lines that can
-- still be added to its tree.

local function node_range(m, node)
    return m.tvb(m.base + node.start - 1, node.stop - node.start)
end

-- Adds a value to a tree, up to the limits.
local function add_value(m, tree, field, node)
    local stack = { { tree:add(field, node_range(m, node), one_line(node)), node, 1 } }
    while #stack > 0 do
        local item, value, level = table.unpack(table.remove(stack))
        local children = {}
        for _, part in ipairs(jelly.parts(value, m.items)) do
            if type(part) == "table" then
                children[#children + 1] = part
            end
        end
        for _, child in ipairs(children) do
            if m.items == 0 or level == LEVELS then
                item:append_text(" [truncated]")
                break
            end
            m.items = m.items - 1
            local text = one_line(child)
            local added = item:add(F.jelly, node_range(m, child), text)
            added:set_text(text)
            if child.items then
                stack[#stack + 1] = { added, child, level + 1 }
            end
        end
    end
end

-- Warns of a message that a receiver would refuse, although the stream can be decoded.
local function add_warning(m, text)
    m.tree:add_proto_expert_info(E.unexpected, text)
    return text
end

local function add_number(m, field, node)
    local n = node.number
    if n and n >= 0 and n < 2 ^ 53 then
        local value = UInt64.new(n % 2 ^ 32, math.floor(n / 2 ^ 32))
        m.tree:add(field, node_range(m, node), value)
    else
        add_warning(m, "Not a number: " .. one_line(node))
    end
    return node.digits or one_line(node)
end

-- Adds the object of a message: a number or a name.
local function add_object(m, node)
    local name = node.digits or node.text and escape(node.text) or one_line(node)
    m.tree:add(F.object, node_range(m, node), name)
    return name
end

local function add_link(m, field, frame)
    if frame then
        m.tree:add(field, frame):set_generated()
    end
end

local function show_call(m, items)
    local request = add_number(m, F.request, items[2])
    local object = add_object(m, items[3])
    local method = escape(items[4].text or one_line(items[4]))
    m.tree:add(F.method, node_range(m, items[4]), method)
    local wanted = items[5].number ~= 0
    m.tree:add(F.wanted, node_range(m, items[5]), wanted)
    add_value(m, m.tree, F.args, items[6])
    add_value(m, m.tree, F.kwargs, items[7])
    local calls = m.stream.calls[m.side]
    if not calls[request] and not m.pinfo.visited then
        calls[request] = { frame = m.pinfo.number, time = m.pinfo.rel_ts }
    end
    if wanted and calls[request] then
        add_link(m, F.response_in, calls[request].answered)
    end
    local given = one_line(items[6]):gsub(",?%)$", "")
    local keywords = one_line(items[7])
    return string.format("call #%s %s.%s%s%s)%s", request, object, method, given,
        keywords == "{}" and "" or (given == "(" and "**" or ", **") .. keywords,
        wanted and "" or " no answer wanted")
end

-- Adds what an answer and an error have in common: the call that they belong to.
local function show_reply(m, node)
    local request = add_number(m, F.request, node)
    local asked = m.stream.calls[m.peer][request]
    if asked then
        asked.answered = asked.answered or m.pinfo.number
        add_link(m, F.request_in, asked.frame)
        local seconds = m.pinfo.rel_ts - asked.time
        local whole = math.floor(seconds)
        m.tree:add(F.time, NSTime.new(whole, math.floor((seconds - whole) * 1e9 + 0.5)))
            :set_generated()
    end
    return request
end

-- A member of the state of a failure, and its node; the state is a dictionary.
local function failure_member(failure, name)
    local state = failure.items and failure.items[2]
    for _, pair in ipairs(state and state.items or {}) do
        local key = pair.items and pair.items[1]
        local text = key and (key.text or key.items and text_of(key.items[2]))
        if text == name then
            local value = pair.items[2]
            local content = value and value.text
            if value and value.items then
                content = text_of(value.items[2])
            end
            return content, value
        end
    end
end

local function show_error(m, items)
    local request = show_reply(m, items[2])
    add_value(m, m.tree, F.failure, items[3])
    local name, where = failure_member(items[3], "type")
    if not name then -- an exception that was sent as a copy
        where = items[3].items and items[3].items[1] or items[3]
        name = text_of(where)
    end
    if name then
        name = escape(name)
        m.tree:add(F.error, node_range(m, where), name)
    end
    local value, at = failure_member(items[3], "value")
    if value then
        value = escape(value)
        m.tree:add(F.error_value, node_range(m, at), value)
    end
    return string.format("error #%s %s%s", request, name or one_line(items[3]),
        value and ": " .. value or "")
end

local function object_message(word)
    return function(m, items)
        return word .. " " .. add_object(m, items[2])
    end
end

-- The first member of a message to the number of its members, and the function that shows
-- it.
local MESSAGES = {
    version = { 2, function(m, items)
        return "version " .. add_number(m, F.version, items[2])
    end },
    message = { 7, show_call },
    cachemessage = { 7, function(m, items) return "cache " .. show_call(m, items) end },
    answer = { 3, function(m, items)
        local request = show_reply(m, items[2])
        add_value(m, m.tree, F.answer, items[3])
        return string.format("answer #%s %s", request, one_line(items[3]))
    end },
    error = { 3, show_error },
    decref = { 2, object_message("decref") },
    decache = { 2, object_message("decache") },
    uncache = { 2, object_message("uncache") },
    didNotUnderstand = { 2, function(m, items)
        local command = one_line(items[2])
        m.tree:add(F.command, node_range(m, items[2]), command)
        return "didNotUnderstand " .. command
    end },
}

-- Whether a list is the offer of a server: strings that are not the names of messages.
local function is_offer(node)
    for _, item in ipairs(node.items) do
        if item.kind ~= banana.STRING or MESSAGES[item.text] then
            return false
        end
    end
    return true
end

local function show_negotiation(m, node)
    local frame = m.stream.negotiated[m.side] or m.pinfo.number
    m.stream.negotiated[m.side] = frame
    if frame ~= m.pinfo.number then
        return add_warning(m, "A dialect after the negotiation in frame " .. frame)
    end
    if node.text then
        m.stream.dialect = m.stream.dialect or node.text
        m.tree:add(F.dialect, node_range(m, node), escape(node.text))
        return "dialect " .. escape(node.text)
    end
    local names = {}
    for i, item in ipairs(node.items) do
        names[i] = escape(item.text)
        m.tree:add(F.dialects, node_range(m, item), names[i])
    end
    return "dialects " .. table.concat(names, ", ")
end

-- Shows a message; returns its text for the column.
local function show_message(m, node)
    local known = node.items and MESSAGES[text_of(node.items[1])]
    if known then
        m.tree:add(F.message, node_range(m, node.items[1]), node.items[1].text)
        if node.count ~= known[1] then
            return add_warning(m, string.format("The message %s has %d members, not %d",
                node.items[1].text, node.count, known[1]))
        end
        return known[2](m, node.items)
    elseif node.kind == banana.STRING or node.items and is_offer(node) then
        return show_negotiation(m, node)
    elseif node.items and text_of(node.items[1]) then
        local command = escape(node.items[1].text)
        m.tree:add(F.message, node_range(m, node.items[1]), command)
        return add_warning(m, "Unknown message: " .. command)
    end
    return add_warning(m, "Not a message: " .. one_line(node))
end

-- Streams -------------------------------------------------------------------------------

local function stream_at(number)
    local by_side = { __index = function(sides, side)
        sides[side] = {}
        return sides[side]
    end }
    streams[number] = streams[number] or {
        calls = setmetatable({}, by_side), pending = {}, damaged = {}, negotiated = {},
    }
    return streams[number]
end

-- The scan of a message that began in earlier segments, if data continues that message;
-- else a new one.
local function resume_scan(pending, data)
    local length, tail = pending and pending.length, pending and pending.tail
    if pending and data:sub(length - #tail + 1, length) == tail then
        return pending.scan
    end
    return banana.new_scan()
end

-- Requests one more segment from TCP: the length of the message is not known in advance.
local function request_segment(m, data, scan)
    if not m.pinfo.visited then
        m.stream.pending[m.side] =
            { scan = scan, length = #data - m.base, tail = data:sub(m.base + 1):sub(-64) }
    end
    m.pinfo.desegment_offset = m.base
    m.pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
end

-- Adds the text of a message to the column, after those of the same frame.
local function add_info(m, text)
    local info = m.pinfo.cols.info
    if m.stream.info_frame == m.pinfo.number then
        info:append(", ")
    else
        info:clear()
        m.stream.info_frame = m.pinfo.number
    end
    info:append(text)
    info:fence()
end

-- Reports why the stream of this side cannot be decoded any more.
local function report_damage(m, wrong)
    local damaged = m.stream.damaged
    damaged[m.side] = damaged[m.side] or { frame = m.pinfo.number, wrong = wrong }
    m.tree:add_proto_expert_info(E.damaged, "The stream is damaged: " .. wrong)
    add_info(m, "damaged: " .. wrong)
end

function pb.dissector(tvb, pinfo, root)
    local found = { stream_of() }
    local m = { tvb = tvb, pinfo = pinfo, base = 0 }
    m.stream = stream_at(#found > 0 and found[#found].value or 0)
    m.side = tostring(pinfo.src) .. " " .. pinfo.src_port
    m.peer = tostring(pinfo.dst) .. " " .. pinfo.dst_port
    pinfo.cols.protocol = "PB"
    local damaged = m.stream.damaged[m.side]
    if damaged and pinfo.number > damaged.frame then
        root:add(pb, tvb()):add_proto_expert_info(E.unexpected, string.format(
            "Not dissected: this side is damaged since frame %d: %s", damaged.frame,
            damaged.wrong))
        return
    end

    local data = tvb:raw()
    local scan = resume_scan(m.stream.pending[m.side], data)
    m.stream.pending[m.side] = nil
    while m.base < #data do
        local node, wrong = banana.read(scan, data, m.base, m.stream.dialect, pb.prefs)
        local length = node and node.stop - 1 or #data - m.base
        local incomplete = not node and not wrong
        if incomplete and pinfo.can_desegment > 0 then
            return request_segment(m, data, scan)
        end
        m.tree = root:add(pb, tvb(m.base, length))
        if incomplete then
            add_warning(m, "The message continues in segments that were not reassembled")
            return
        end
        if wrong then
            return report_damage(m, wrong)
        end
        m.items = ITEMS
        local text = show_message(m, node)
        m.tree:append_text(", " .. text)
        add_info(m, text)
        m.base = m.base + length
        scan = banana.new_scan()
    end
end

function pb.init()
    streams = {}
end

-- Recognises a stream on any port by the server's first bytes.
local function is_pb_stream(tvb, pinfo, root)
    local first = tvb:raw(0, math.min(tvb:len(), 8))
    if not (first:find("^[\1-\127]\128\2\130pb")
            or first:find("^[\1-\127]\128\4\130none")) then
        return false
    end
    pinfo.conversation = pb
    pb.dissector(tvb, pinfo, root)
    return true
end
pb:register_heuristic("tcp", is_pb_stream)

local tcp_ports, ports = DissectorTable.get("tcp.port"), nil

local function register_ports()
    if ports then
        tcp_ports:remove(ports, pb)
    end
    ports = pb.prefs.ports
    tcp_ports:add(ports, pb)
end
pb.prefs_changed = register_ports
register_ports()
