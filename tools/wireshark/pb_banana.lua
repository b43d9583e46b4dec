-- SPDX-License-Identifier: MIT
-- Decodes banana for pb.lua: bytes to nodes, one for each element. A node has kind, start
-- and stop (positions in its message, from 1), and text, or number and digits, or items
-- and count. Nothing recurses, and every length is compared with a limit before it is
-- used.

local LIMIT = {
    depth = 1000, -- nested lists
    nodes = 20000, -- elements of a message that are kept; further ones are only counted
    members = 7, -- the members of a message, which are always kept
}

local WORDS = {
    "None", "class", "dereference", "reference", "dictionary", "function", "instance",
    "list", "module", "persistent", "tuple", "unpersistable", "copy", "cache", "cached",
    "remote", "local", "lcache", "version", "login", "password", "challenge", "logged_in",
    "not_logged_in", "cachemessage", "message", "answer", "error", "decref", "decache",
    "uncache",
}

local LIST, INT, STRING, NEG, FLOAT, LONGINT, LONGNEG, VOCAB =
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87

-- The decimal digits of a prefix: an unsigned number in base 128, low digit first.
local function prefix_digits(prefix)
    local limbs = { 0 } -- base 10^7, low limb first
    for i = #prefix, 1, -1 do
        local carry = prefix:byte(i)
        for k = 1, #limbs do
            local n = limbs[k] * 128 + carry
            limbs[k] = n % 1e7
            carry = math.floor(n / 1e7)
        end
        if carry > 0 then
            limbs[#limbs + 1] = carry
        end
    end
    local digits = { string.format("%d", limbs[#limbs]) }
    for k = #limbs - 1, 1, -1 do
        digits[#digits + 1] = string.format("%07d", limbs[k])
    end
    return table.concat(digits)
end

-- The same as a Lua number: exact up to 2^53.
local function prefix_number(prefix)
    local n = 0
    for i = #prefix, 1, -1 do
        n = n * 128 + prefix:byte(i)
    end
    return n
end

local function float_text(value)
    for precision = 15, 17 do
        local text = string.format("%." .. precision .. "g", value)
        if tonumber(text) == value or precision == 17 then
            return text:find("^-?%d+$") and text .. ".0" or text
        end
    end
end

-- The state of a scan between two calls, so that each byte of a message is scanned once.
local function new_scan()
    return { pos = 1, stack = {}, nodes = 0 }
end

-- Adds a node to the innermost open list, within the limits.
local function keep_node(scan, node)
    local top = scan.stack[#scan.stack]
    scan.nodes = scan.nodes + 1
    local is_member = #scan.stack == 1 and top and #top.items < LIMIT.members
    if top and (scan.nodes <= LIMIT.nodes or is_member) then
        top.items[#top.items + 1] = node
    end
end

-- Ends a node, and the lists that it completes. Returns the node of the top-level
-- expression when that is complete.
local function end_node(scan, node)
    while true do
        node.stop = scan.pos
        local top = scan.stack[#scan.stack]
        if not top then
            return node
        end
        top.left = top.left - 1
        if top.left > 0 then
            return nil
        end
        node = table.remove(scan.stack)
    end
end

-- Continues to read the expression that begins at offset base of data. Returns its node;
-- nil if it is incomplete; or nil and the error. limits.size bounds messages, strings and
-- lists, limits.prefix the bytes of a number.
local function read_expression(scan, data, base, dialect, limits)
    while true do
        local start = base + scan.pos
        local at = data:find("[\128-\255]", start)
        local digits = (at or #data + 1) - start
        if digits > limits.prefix then
            return nil, string.format("a number of more than %d bytes", limits.prefix)
        end
        if not at then
            return nil
        end
        local prefix, kind = data:sub(start, at - 1), data:byte(at)
        local n, size, node = prefix_number(prefix), 0, { kind = kind, start = scan.pos }
        if kind == LIST then
            if n > limits.size then
                return nil, string.format("a list of %s elements; the limit is %d",
                    prefix_digits(prefix), limits.size)
            elseif #scan.stack == LIMIT.depth then
                return nil, string.format("lists within more than %d lists", LIMIT.depth)
            end
            node.items, node.left, node.count = {}, n, n
        elseif kind == STRING then
            if n > limits.size then
                return nil, string.format("a string of %s bytes; the limit is %d",
                    prefix_digits(prefix), limits.size)
            end
            size = n
        elseif kind == FLOAT then
            size = 8
        elseif kind == VOCAB then
            node.text = WORDS[n]
            if not node.text then
                return nil, string.format("word %s, which is not in the vocabulary",
                    prefix_digits(prefix))
            elseif dialect == "none" then
                return nil, string.format("the word %s, in the dialect none", node.text)
            end
        elseif kind > VOCAB then
            return nil, string.format("the unknown type byte 0x%02x", kind)
        else
            local negative = kind == NEG or kind == LONGNEG
            node.number = negative and -n or n
            node.digits = (negative and n > 0 and "-" or "") .. prefix_digits(prefix)
        end
        if at + size > #data then
            return nil
        end
        if kind == STRING then
            node.text = data:sub(at + 1, at + size)
        elseif kind == FLOAT then
            node.number = Struct.unpack(">d", data, at + 1)
            node.digits = float_text(node.number)
        end
        scan.pos = at + 1 + size - base
        if scan.pos > limits.size then
            return nil, string.format("a message of more than %d bytes", limits.size)
        end
        keep_node(scan, node)
        if kind == LIST and n > 0 then
            scan.stack[#scan.stack + 1] = node
        else
            node = end_node(scan, node)
            if node then
                return node
            end
        end
    end
end

return { STRING = STRING, new_scan = new_scan, read = read_expression }
