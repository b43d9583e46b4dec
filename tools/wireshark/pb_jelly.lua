-- SPDX-License-Identifier: MIT
-- Formats the values of jelly for pb.lua: a node of pb_banana.lua as parts (strings and
-- nodes, for a tree) or on one line. Nothing recurses.

local LIMIT = {
    shown = 100, -- items of a container on one line
    text = 200, -- characters of a value on one line
}

local function is_utf8(text)
    local rest = text:gsub("[\194-\223][\128-\191]", "")
        :gsub("[\224-\239][\128-\191][\128-\191]", "")
        :gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "")
    return not rest:find("[\128-\255]")
end

-- A string that Wireshark can display: control characters are escaped, and bytes of other
-- encodings than UTF-8.
local function escape(text)
    if #text > LIMIT.text then
        text = text:sub(1, LIMIT.text):gsub("[\192-\247][\128-\191]*$", "") .. "..."
    end
    local escaped = is_utf8(text) and "[%c\\]" or "[%c\\\128-\255]"
    return (text:gsub(escaped, function(c)
        return ({ ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\" })[c]
            or string.format("\\x%02x", c:byte())
    end))
end

local function quoted(text)
    local quote = text:find("'", 1, true) and not text:find('"', 1, true) and '"' or "'"
    text = escape(text)
    return quote .. (quote == "'" and text:gsub("'", "\\'") or text) .. quote
end

local function text_of(node)
    return node and node.text
end

-- The parts of a container: an opening, the items with commas between them, a closing.
local function sequence(opening, node, first, closing, max)
    local parts = { opening }
    for i = first, math.min(#node.items, first + max) do
        if i > first then
            parts[#parts + 1] = ", "
        end
        parts[#parts + 1] = node.items[i]
    end
    if node.count > #node.items or #node.items > first + max then
        parts[#parts + 1] = ", ..."
    end
    parts[#parts + 1] = closing
    return parts
end

local function reference(opening)
    return function(node)
        local which = node.items[2]
        return { opening, which and (which.digits or which) or "?", ">" }
    end
end

local function name_parts(node)
    local name = text_of(node.items[2])
    return { node.items[1].text, " ", name and escape(name) or "?" }
end

local function constructor(node, max)
    return sequence(node.items[1].text .. "(", node, 2, ")", max)
end

-- The first member of a list to the function that makes its parts.
local JELLY = {
    None = function() return { "None" } end,
    boolean = function(node)
        return { text_of(node.items[2]) == "true" and "True" or "False" }
    end,
    unicode = function(node) return { quoted(text_of(node.items[2]) or "") } end,
    list = function(node, max) return sequence("[", node, 2, "]", max) end,
    tuple = function(node, max)
        return sequence("(", node, 2, #node.items == 2 and ",)" or ")", max)
    end,
    dictionary = function(node, max)
        for i = 2, math.min(#node.items, 2 + max) do
            node.items[i].pair = node.items[i].items and #node.items[i].items == 2
        end
        return sequence("{", node, 2, "}", max)
    end,
    class = name_parts, module = name_parts, ["function"] = name_parts,
    remote = reference("<remote "), ["local"] = reference("<local "),
    lcache = reference("<cache "), dereference = reference("<shared "),
    reference = function(node)
        return { "<shared ", node.items[2] or "?", ">=", node.items[3] or "?" }
    end,
}

for _, word in ipairs({
    "set", "frozenset", "method", "persistent", "cached", "datetime", "date", "time",
    "timedelta", "decimal", "unpersistable", "instance", "cache", "copy",
}) do
    JELLY[word] = constructor
end

-- The parts of a value, with at most max of its items.
local function value_parts(node, max)
    if node.digits then
        return { node.digits }
    elseif node.text then
        return { "b" .. quoted(node.text) }
    elseif node.pair then
        return { node.items[1], ": ", node.items[2] }
    end
    local head = text_of(node.items[1])
    if not head then
        return sequence("[", node, 1, "]", max)
    end
    local known = JELLY[head]
    if known then
        return known(node, max)
    end
    return sequence(escape(head) .. "(", node, 2, ")", max) -- a copy: type tag and state
end

-- A value on one line.
local function one_line(node)
    local out, length, stack = {}, 0, { node }
    while #stack > 0 do
        local part = table.remove(stack)
        if type(part) == "string" then
            out[#out + 1] = part
            length = length + #part
            if length > LIMIT.text and #stack > 0 then
                out[#out + 1] = " ..."
                break
            end
        else
            local more = value_parts(part, LIMIT.shown)
            for i = #more, 1, -1 do
                stack[#stack + 1] = more[i]
            end
        end
    end
    return table.concat(out)
end

return { escape = escape, one_line = one_line, parts = value_parts, text_of = text_of }
